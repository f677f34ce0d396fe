"""Database roles and schemas: each service has a role that reaches its own schema and nothing else."""

# schema -> the service that owns it; the role has the name of the schema.
SCHEMAS = {"auth": "auth-service", "expense": "expense-service", "portfolio": "portfolio-service",
           "events": "event-processor"}


def statements(database, passwords, prefix=""):
    """SQL for the administrator, in two parts: for any database, then for the new one. May be run again and again.

    passwords: schema -> password of its role. prefix: of the role names, for several such databases on one server.
    """
    cluster = [
        f"SELECT 'CREATE DATABASE {database}' WHERE NOT EXISTS "
        f"(SELECT FROM pg_database WHERE datname = '{database}') \\gexec",
        f"REVOKE ALL ON DATABASE {database} FROM PUBLIC;",
        "REVOKE CONNECT ON DATABASE postgres, template1 FROM PUBLIC;",
    ]
    inside = ["REVOKE ALL ON SCHEMA public FROM PUBLIC;"]
    for schema, password in passwords.items():
        role = prefix + schema
        cluster += [
            f"SELECT 'CREATE ROLE {role}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{role}') \\gexec",
            f"ALTER ROLE {role} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{password}';",
            f"GRANT CONNECT ON DATABASE {database} TO {role};",
        ]
        inside += [
            f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role};",
            f"ALTER ROLE {role} IN DATABASE {database} SET search_path = {schema};",
        ]
    return "\n".join(cluster) + "\n", "\n".join(inside) + "\n"


def create(server, database, passwords, prefix=""):
    """Makes the database with its schemas and roles; returns schema -> URL of its role."""
    cluster, inside = statements(database, passwords, prefix)
    server.sql(cluster)
    server.sql(inside, database)
    return {
        schema: server.url(prefix + schema, password, database, schema) for schema, password in passwords.items()}
