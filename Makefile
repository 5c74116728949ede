# The runbook: `make help` lists what there is. Every target works in a fresh clone; the first one builds .venv.
PIPELINE ?= flights
ENV ?= local
SHELL := /bin/bash
.DEFAULT_GOAL := help

STAMP := .venv/.set-up
RUN := .venv/bin/python -m

# What `produce` sends, and how: FILES and ARGS on the command line choose others.
SAMPLE := .sandbox/sample-data/flights.csv
FILES ?= $(if $(filter flights,$(PIPELINE)),$(SAMPLE) data/flights_damaged.csv,data/$(PIPELINE).csv)
ARGS ?=
# Where `consume` writes.
TO ?= snowflake
export SQL

.PHONY: help setup demo demo-direct demo-athena demo-lambda demo-events up down status topics deploy produce stream consume job-status close backfill compact snowpipe query catalog athena verify package package-lambda package-events diagrams test chaos-short chaos lint clean

help: ## this list
	@echo 'make TARGET [PIPELINE=flights|readings] [ENV=local|aws] [ARGS="more options"]'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '%-14s %s\n' "$$name" "$$text"; done

setup: $(STAMP) ## check Python and Java, build .venv with the pinned packages, fetch the jars

$(STAMP): setup.cfg constraints.txt
	@.ci/setup

demo: $(STAMP) ## all of it: sandbox, SQL, producer, Spark, Snowpipe, reconciliation; KEEP=1 leaves the sandbox up
	@$(RUN) demo run $(PIPELINE) --env $(ENV) $(if $(filter-out 0,$(KEEP)),--keep)

demo-direct: $(STAMP) ## the same without Spark and S3: Kafka straight into Snowflake's tables
	@$(RUN) demo run $(PIPELINE) --way direct --env $(ENV) $(if $(filter-out 0,$(KEEP)),--keep)

demo-athena: $(STAMP) ## the same without Spark and Snowflake: Kafka into S3, a catalog, and SQL on Athena
	@$(RUN) demo run $(PIPELINE) --way s3 --env $(ENV) $(if $(filter-out 0,$(KEEP)),--keep)

demo-lambda: $(STAMP) ## the same through a Lambda function, which the sandbox emulates
	@$(RUN) demo run $(PIPELINE) --way lambda --env $(ENV) $(if $(filter-out 0,$(KEEP)),--keep)

demo-events: $(STAMP) ## 10,000 events by HTTP, 5 % of them wrong: API Gateway, Lambda, Firehose and Snowpipe, all emulated
	@$(RUN) demo run events --env $(ENV) $(if $(filter-out 0,$(KEEP)),--keep)

up: $(STAMP) ## start the sandbox: Kafka (real), AWS and Snowflake (emulated)
	@$(RUN) sandbox up --env $(ENV)

down: $(STAMP) ## stop the sandbox and keep its state
	@$(RUN) sandbox down --env $(ENV)

status: $(STAMP) ## what of the sandbox runs, and where
	@$(RUN) sandbox status --env $(ENV)

topics: $(STAMP) ## create the pipeline's topics, or check them against the contract
	@$(RUN) kafka_producer topics $(PIPELINE) --env $(ENV) $(ARGS)

deploy: $(STAMP) ## run the pipeline's SQL scripts in Snowflake; ARGS=--dry-run prints the list
	@$(RUN) snowflake_integration deploy $(PIPELINE) --env $(ENV) $(ARGS)

produce: $(STAMP) $(filter $(SAMPLE),$(FILES)) ## send FILES (default: the sample data) to the topic; ARGS="--delay 1"
	@$(RUN) kafka_producer replay $(PIPELINE) $(FILES) --env $(ENV) $(ARGS)

$(SAMPLE): | $(STAMP)
	@$(RUN) sandbox sample-data flights $@

stream: $(STAMP) ## run the Spark job until Ctrl-C; ARGS=--available-now drains the topic and stops
	@$(RUN) spark_streaming run $(PIPELINE) --env $(ENV) $(ARGS)

consume: $(STAMP) ## run the consumer until Ctrl-C: TO=snowflake, s3 or lambda; ARGS=--available-now drains the topics and stops
	@$(RUN) kafka_consumer run $(PIPELINE) --to $(TO) --env $(ENV) $(ARGS)

job-status: $(STAMP) ## where each query of the Spark job is, by ledger, checkpoint and topic
	@$(RUN) spark_streaming status $(PIPELINE) --env $(ENV) $(ARGS)

close: $(STAMP) ## publish the aggregate windows that the watermark still holds open
	@$(RUN) spark_streaming close $(PIPELINE) --env $(ENV)

backfill: $(STAMP) ## judge a range of event time again, in the lake and the warehouse: FROM=2013-01-01 TO=2013-02-01
	@$(RUN) spark_streaming backfill $(PIPELINE) --env $(ENV) --from $(FROM) --to $(TO) $(ARGS)
	@$(if $(filter --dry-run,$(ARGS)),,$(RUN) snowflake_integration apply-backfill $(PIPELINE) --env $(ENV))

compact: $(STAMP) ## merge small files that are loaded into large ones; ARGS=--dry-run prints the plan
	@$(RUN) spark_streaming compact $(PIPELINE) --env $(ENV) $(ARGS)

snowpipe: $(STAMP) ## wait until Snowpipe has loaded every object of the lake, and show what it loaded
	@$(RUN) snowflake_integration wait-loaded $(PIPELINE) --env $(ENV) $(ARGS)

query: $(STAMP) ## ask the warehouse: SQL="select count(*) from flights"
	@$(RUN) snowflake_integration query --env $(ENV) --pipeline $(PIPELINE) "$${SQL:-$$(cat demo/questions/$(PIPELINE).sql)}"

catalog: $(STAMP) ## the Glue catalog of the objects of `consume TO=s3`: database, crawler, workgroup, tables, partitions
	@$(RUN) aws_integration catalog deploy $(PIPELINE) --env $(ENV)
	@$(RUN) aws_integration catalog register $(PIPELINE) --env $(ENV) $(ARGS)

athena: $(STAMP) ## ask Athena: SQL="select count(*) from flights"
	@$(RUN) aws_integration query $(PIPELINE) "$${SQL:-$$(cat demo/questions/$(PIPELINE).sql)}" --env $(ENV) $(ARGS)

verify: $(STAMP) ## the reconciliation: every row accounted for, or where it is
	@$(RUN) reconciliation check $(PIPELINE) --env $(ENV) $(ARGS)

package: $(STAMP) ## dist/millrace.tar.gz: what a cluster needs to run the job; ARGS="--python-version 3.12"
	@$(RUN) spark_streaming package $(ARGS)

package-lambda: $(STAMP) ## dist/millrace-kafka.zip: what Lambda needs to run the handler; ARGS="--python-version 3.12 --arch arm64"
	@$(RUN) aws_integration package kafka $(ARGS)

package-events: $(STAMP) ## dist/millrace-events.zip: what Lambda needs to run the handler behind the API; ARGS as above
	@$(RUN) aws_integration package events $(ARGS)

diagrams: $(STAMP) ## draw the pictures in docs/diagrams again; needs Graphviz's `dot`
	@command -v dot >/dev/null || { echo '`dot` is missing, which draws the pictures: install Graphviz (apt-get install graphviz, brew install graphviz)' >&2; exit 2; }
	@$(RUN) pip install --quiet --disable-pip-version-check --constraint constraints.txt diagrams
	@.venv/bin/python docs/diagrams/architecture.py

# Two workers, each with services of its own: the tests wait for brokers and JVMs more than they compute.
test: $(STAMP) ## all tests but the two chaos suites
	@$(RUN) pytest -m "not chaos and not chaos_short" -n 2 --dist loadfile $(ARGS)

chaos-short: $(STAMP) ## kills, faults and operations of the whole job, one of each
	@$(RUN) pytest -m chaos_short -n 2 --dist loadfile $(ARGS)

chaos: $(STAMP) ## volume and kill tests
	@$(RUN) pytest -m chaos $(ARGS)

lint: $(STAMP) ## ruff, its formatter, and mypy in strict mode
	@$(RUN) ruff check .
	@$(RUN) ruff format --check .
	@$(RUN) mypy

clean: ## stop the sandbox, and delete its state, .venv and all caches
	@if [ -x .venv/bin/python ]; then $(RUN) sandbox reset; fi
	@rm -rf .venv .sandbox .checkpoints build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis spark-warehouse metastore_db derby.log
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
