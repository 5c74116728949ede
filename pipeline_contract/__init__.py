"""The pipeline contract: one file per data set from which everything else is derived. Pure: it opens nothing but contract files."""
