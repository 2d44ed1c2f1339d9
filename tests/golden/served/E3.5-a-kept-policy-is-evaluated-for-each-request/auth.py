asked = 0

def handler(event, context):
    global asked
    asked += 1
    token = (event.get('headers') or {}).get('token')
    if token == 'broken':
        raise Exception('no')
    token = event.get('authorizationToken') or event['headers']['token']
    arn = event['methodArn'] if token == 'narrow' else event['methodArn'].split('/')[0] + '/*'
    effect = 'Deny' if token == 'no' else 'Allow'
    statement = {'Action': 'execute-api:Invoke', 'Effect': effect, 'Resource': arn}
    return {
        'principalId': token,
        'policyDocument': {'Version': '2012-10-17', 'Statement': [statement]},
        'context': {'asked': asked},
    }
