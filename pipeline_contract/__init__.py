"""The pipeline contract: one file a data set, from which all else is derived. Pure: it opens contract files alone."""
