"""The plan of a submission: the command that starts the job where it is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connections.job_secrets import list_job_secrets
from connections.settings import Settings
from pipeline_contract.model import Contract
from spark_streaming.service_requests import databricks_command, emr_serverless_command
from spark_streaming.submit import build_command
from spark_streaming.targets import Target, check_checkpoint, choose_master, find_target, is_folder


@dataclass(frozen=True)
class Submission:
    """A command that starts the job, and the settings that it was made from."""

    settings: Settings
    command: list[str]


def plan_submission(
    settings: Settings,
    contract: Contract,
    job_arguments: Sequence[str],
    checkpoint: str | None,
    target: Target | None = None,
) -> Submission:
    """The submission to a target, by default the one of the settings' master.

    For another one than that, a checkpoint that the settings keep on this machine's disk gives way to one in the lake's
    bucket; a folder that is asked for is refused.
    """
    home = find_target(settings.spark.master)
    target = target or home
    master = choose_master(settings.spark, target)
    root = checkpoint or settings.spark.checkpoints
    if target not in (home, Target.LOCAL) and not checkpoint and is_folder(root):
        root = f"s3a://{settings.s3.bucket}/_checkpoints"
        job_arguments = [*job_arguments, *(["--checkpoint", root] if job_arguments[0] == "run" else [])]
    check_checkpoint(master, root)
    secrets = list_job_secrets(settings, contract)
    if target == Target.EMR_SERVERLESS:
        return Submission(settings, emr_serverless_command(settings, job_arguments, root, secrets))
    if target == Target.DATABRICKS:
        return Submission(settings, databricks_command(settings, job_arguments, secrets))
    placed = settings.model_copy(update={"spark": settings.spark.model_copy(update={"master": master})})
    return Submission(placed, build_command(placed, job_arguments, root, secrets))
