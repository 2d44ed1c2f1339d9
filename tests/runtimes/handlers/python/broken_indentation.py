def handler(event, context):
  a = 1
   b = 2
