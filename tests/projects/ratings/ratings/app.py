"""GET /ratings and GET /ratings/{product}: what people think of our products."""

import json
import logging
import os

SCALE = int(os.environ["SCALE"])
RATINGS = {"chair": [5, 4, 4], "lamp": [3, 5], "table": [2]}

log = logging.getLogger()
log.setLevel(logging.INFO)


def handler(event, context):
    product = (event.get("pathParameters") or {}).get("product")
    log.info("ratings of %s asked for", product or "everything")
    if product is None:
        return reply(200, {name: average(votes) for name, votes in RATINGS.items()})
    if product not in RATINGS:
        return reply(404, {"message": f"No ratings of {product}"})
    return reply(200, {"product": product, "rating": average(RATINGS[product]), "of": SCALE})


def average(votes):
    return round(sum(votes) / len(votes), 1)


def reply(status, body):
    return {"statusCode": status, "headers": {"Content-Type": "application/json"}, "body": json.dumps(body)}
