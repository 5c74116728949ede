"""Settings, and one module for each outside service that opens it: Kafka, S3, the warehouse, the ledger."""
