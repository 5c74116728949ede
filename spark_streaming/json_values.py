"""A JSON object as the contract's fields, as text, with what drifted: parsed once, whichever fields it has."""

from __future__ import annotations

from pyspark.sql import Column
from pyspark.sql import functions as F  # noqa: N812

from pipeline_contract.message import known_fields, message_fields
from pipeline_contract.model import Contract

# No JSON: stands for a value that no parser should see.
_UNREADABLE = "unreadable"
_OPTIONS = {
    "mode": "PERMISSIVE",
    "columnNameOfCorruptRecord": "corrupt",
    "allowSingleQuotes": "false",
    "allowNonNumericNumbers": "false",
}


def parse_json(contract: Contract, text: Column) -> Column:
    """A struct: the texts of `message_fields` in order, then unknown fields, missing columns, and what is no object.

    Unknown fields are a map of text by name, null without any; missing ones are the names of the contract's columns
    that the object has no field for. Of a field that stands twice, the last counts.
    """
    # Inside another object: after one that stands alone, the parser passes over whatever follows it.
    wrapped = F.coalesce(F.concat(F.lit('{"object":'), text, F.lit("}")), F.lit(_UNREADABLE))
    # A map tells which fields there are, where a struct has null for one that is absent.
    parsed = F.from_json(wrapped, "object map<string, string>, corrupt string", _OPTIONS)
    # Each step hands its result to the next as a lambda's argument: what stands there twice is computed once.
    opened = F.transform(F.array(parsed), _open_object)
    sorted_out = F.transform(opened, lambda found: _sort_fields(contract, found))
    return F.get(F.transform(sorted_out, lambda found: _list_fields(contract, found)), F.lit(0))


def _open_object(parsed: Column) -> Column:
    fields = parsed["object"]
    # JSON's own null is no row either.
    corrupt = F.when(fields.isNull(), F.lit(_UNREADABLE)).otherwise(parsed["corrupt"])
    return F.struct(F.map_keys(fields).alias("names"), F.map_values(fields).alias("texts"), corrupt.alias("corrupt"))


def _sort_fields(contract: Contract, found: Column) -> Column:
    """The texts in the contract's order, and what drifted; a value of our producer has its fields in that order."""
    known = message_fields(contract)
    expected = F.array(*map(F.lit, known))
    last_names, last_texts = F.reverse(found["names"]), F.reverse(found["texts"])

    def look_up(name: Column) -> Column:
        return F.get(last_texts, F.array_position(last_names, name).cast("int") - 1)

    in_order = found["names"] == expected
    unknown = F.array_except(found["names"], F.array(*map(F.lit, known_fields(contract))))
    columns = F.array(*(F.lit(column.name) for column in contract.columns))
    return F.struct(
        F.when(in_order, found["texts"]).otherwise(F.transform(expected, look_up)).alias("texts"),
        F.when(~in_order & (F.size(unknown) > 0), F.map_from_arrays(unknown, F.transform(unknown, look_up))).alias(
            "unknown"
        ),
        F.when(~in_order, F.array_except(columns, found["names"])).alias("missing"),
        found["corrupt"].alias("corrupt"),
    )


def _list_fields(contract: Contract, found: Column) -> Column:
    texts = [F.get(found["texts"], F.lit(n)).alias(f"text_{n}") for n in range(len(message_fields(contract)))]
    return F.struct(*texts, found["unknown"], found["missing"], found["corrupt"])
