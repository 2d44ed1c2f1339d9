import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(len(event['body'] or ''), indent=1)}
