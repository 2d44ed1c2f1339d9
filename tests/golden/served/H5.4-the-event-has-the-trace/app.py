import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(event['headers']['x-amzn-trace-id'], indent=1)}
