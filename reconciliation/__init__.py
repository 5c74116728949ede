"""The end-to-end proof: source file, topic, objects, load history and tables compared row by row."""
