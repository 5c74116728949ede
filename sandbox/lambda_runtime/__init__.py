"""The emulated Lambda: functions run in processes of their own, behind the calls of Lambda's API that create and invoke them.

Roles, layers, versions, aliases and event source mappings are not emulated; an asynchronous invocation is not tried again.
"""
