import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(event.get('httpMethod') or event['requestContext']['http']['method'], indent=1)}
