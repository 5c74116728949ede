"""The emulated AWS endpoint: moto, made safe under threads, with an S3 and SQS that keep their state over a restart.

Kept: buckets with their configuration, the current version of each object, queues, and messages that nobody has deleted
(all of them visible again after a restart, as SQS may do at any time). Not kept: multipart uploads that are under way,
earlier versions of objects, and every other service's state. The state survives the end of the process, kill -9
included; it does not promise to survive a power failure.
"""
