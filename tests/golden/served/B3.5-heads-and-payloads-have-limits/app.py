import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(len(event.get('body', '')), indent=1)}
