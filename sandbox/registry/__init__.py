"""The emulated schema registry: the calls of Confluent's that producers and readers of Avro use, on loopback.

Every schema that parses is taken: compatibility between the versions of a subject is not checked, and nothing is deleted.
"""
