"""The emulated AWS endpoint: moto, made safe under threads, with state that outlives a restart, and services of our own.

Of our own are Lambda, Firehose, the calls that make APIs, crawlers and Athena. Kept: buckets with their configuration, the
current version of each object, queues, and messages that nobody has deleted (all of them visible again after a restart,
as SQS may do at any time), functions, APIs with their keys and plans, delivery streams and the records that wait in them,
tables of DynamoDB and their items, the Glue catalog, crawlers, and workgroups. Not kept: multipart uploads that are under
way, earlier versions of objects, records of DynamoDB's streams, queries and their results' pages, the last runs of
crawlers, and every other service's state: of what a stack of CloudFormation's has made, only buckets, queues and tables.
The state survives the end of the process, kill -9 included; it does not promise to survive a power failure.
"""
