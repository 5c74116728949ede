"""The end-to-end proof: what was produced, where every row of it is, and what nobody can explain."""
