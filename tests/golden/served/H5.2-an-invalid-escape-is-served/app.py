import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps({name: event.get(name) for name in ('rawPath', 'rawQueryString', 'queryStringParameters')}, indent=1)}
