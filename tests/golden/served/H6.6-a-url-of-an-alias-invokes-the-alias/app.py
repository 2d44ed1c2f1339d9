import json

def handler(event, context):
    return {'statusCode': 200, 'body': json.dumps(context.invoked_function_arn, indent=1)}
