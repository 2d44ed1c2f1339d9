import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps({k: v for k, v in event['requestContext']['authorizer'].items() if k != 'integrationLatency'}, indent=1)}
