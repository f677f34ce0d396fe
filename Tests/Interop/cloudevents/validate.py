"""Validates events against the schema of the CloudEvents JSON format.

Standard input: one event per line. Standard output: per line `valid`, or the first rule that is broken.
"""

import json
import pathlib
import sys

import jsonschema

schema = json.loads(pathlib.Path(__file__).with_name("structured.schema.json").read_text(encoding="utf-8"))
judge = jsonschema.Draft202012Validator(schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
judge.check_schema(schema)

for line in sys.stdin:
    error = next(judge.iter_errors(json.loads(line)), None)
    print("valid" if error is None else f"{error.json_path}: {error.validator}")
