"""The emulated Amazon Data Firehose: direct puts, buffers on disk, and delivery into the emulated S3 with its events.

Encryption, backup of the source records and CloudWatch logging are kept and told, and not carried out; Lambda transformation,
format conversion and destinations other than S3 are refused.
"""
