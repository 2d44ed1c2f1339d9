"""Makes the Lambda calls that standard input lists through boto3, and prints what came of each, as JSON."""

import json
import sys

import boto3
import botocore.exceptions
from botocore.config import Config

client = boto3.client("lambda", config=Config(retries={"total_max_attempts": 1}, read_timeout=30))


def plain(answer):
    if "Payload" in answer:
        answer["Payload"] = answer["Payload"].read().decode()
    if "EventStream" in answer:
        answer["EventStream"] = [plain_event(event) for event in answer["EventStream"]]
    return answer


def plain_event(event):
    if "PayloadChunk" in event:
        return event["PayloadChunk"]["Payload"].decode()
    return event


def call(operation, parameters):
    try:
        return plain(getattr(client, operation)(**parameters))
    except botocore.exceptions.ClientError as error:
        return {"error": error.response}


json.dump([call(*asked) for asked in json.load(sys.stdin)], sys.stdout, default=str)
