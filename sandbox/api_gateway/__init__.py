"""The emulated API Gateway: REST APIs with Lambda proxy integration, keys and usage plans.

The calls that make APIs are answered by the AWS endpoint, which writes them to one file. A process of its own reads that file,
and serves the APIs at `/<name or id>/<stage>/<path>`. Other integrations, authorizers and request validators are refused.
"""
