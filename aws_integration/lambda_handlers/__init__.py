"""What runs inside Lambda; nothing else of the project imports it, and it imports no part of it that needs pyarrow."""
