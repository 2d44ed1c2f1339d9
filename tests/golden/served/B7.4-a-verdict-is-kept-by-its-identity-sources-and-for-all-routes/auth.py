asked = 0

def handler(event, context):
    global asked
    asked += 1
    token = (event.get('headers') or {}).get('token')
    if token == 'broken':
        raise Exception('no')
    return {'isAuthorized': token != 'no', 'context': {'asked': asked}}
