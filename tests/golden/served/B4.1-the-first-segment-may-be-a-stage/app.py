import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps({name: event.get(name) for name in ('path', 'rawPath') if name in event} | {'context': event['requestContext'].get('path'), 'stage': event['requestContext']['stage']}, indent=1)}
