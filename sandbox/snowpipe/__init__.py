"""The local Snowpipe (emulated): one COPY engine, load histories, and the loader that carries out each pipe's COPY."""
