"""What the services committed: a trigger on each outbox copies its rows, in the transaction that writes them."""

import json

SCHEMAS = ("auth", "expense", "portfolio")
# The sequence gives the order in which rows were written; for one aggregate that is the order of commits.
STATEMENTS = """
CREATE SCHEMA faults;
CREATE TABLE faults.events (
    number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, origin text, position bigint, id uuid, type text,
    event bytea);
CREATE INDEX events_id ON faults.events (id);
CREATE INDEX events_type ON faults.events (type text_pattern_ops);
CREATE FUNCTION faults.record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN
    INSERT INTO faults.events (origin, position, id, type, event)
        VALUES (TG_TABLE_SCHEMA, NEW.position, NEW.id, NEW.type, NEW.event);
    RETURN NULL;
END $$;
GRANT USAGE ON SCHEMA faults TO auth, expense, portfolio;
"""

# A repeat may only be of what is on the bus already: ahead of its original it would be out of order.
PUBLISHED = "id NOT IN (" + " UNION ALL ".join(f"SELECT id FROM {schema}.outbox" for schema in SCHEMAS) + ")"


class Event:
    """A committed event."""

    def __init__(self, number, origin, position, text):
        self.number = number
        self.origin = origin
        self.position = position
        self.text = text
        self.fields = json.loads(text)

    @property
    def identifier(self):
        return self.fields["id"]

    @property
    def type(self):
        return self.fields["type"]

    @property
    def data(self):
        return self.fields["data"]

    @property
    def aggregate(self):
        return self.fields["source"], self.fields["subject"]

    @property
    def sequence(self):
        return int(self.fields["sequence"])

    @property
    def key(self):
        return self.fields["partitionkey"]

    def data_text(self):
        """The bytes of `data` as the event has them; its name is the last member."""
        start = self.text.index('"data":') + len('"data":')
        _, end = json.JSONDecoder().raw_decode(self.text, start)
        return self.text[start:end].encode()


def install(postgres, database):
    """Begins to record; before the first write."""
    triggers = "".join(
        f"CREATE TRIGGER faults_record AFTER INSERT ON {schema}.outbox FOR EACH ROW EXECUTE FUNCTION faults.record();\n"
        for schema in SCHEMAS)
    postgres.sql(STATEMENTS + triggers, database)


def rows(postgres, database, query):
    """Rows as lists of text; NULL is empty."""
    return [line.split("\t") for line in postgres.sql(query, database).splitlines() if line]


def number(postgres, database, query):
    """The one number that a query answers."""
    return int(rows(postgres, database, query)[0][0])


def events(postgres, database, condition="true"):
    """Recorded events in the order they were written."""
    return [Event(int(number), origin, int(position), text) for number, origin, position, text in rows(
        postgres, database,
        f"SELECT number, origin, position, convert_from(event, 'UTF8') FROM faults.events WHERE {condition} "
        "ORDER BY number")]
