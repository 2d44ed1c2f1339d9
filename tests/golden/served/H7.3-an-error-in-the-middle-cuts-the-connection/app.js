exports.handler = awslambda.streamifyResponse(async (event, stream) => {
  const query = event.queryStringParameters || {};
  if ('bare' in query) return stream.end('as it is');
  if ('typed' in query) { stream.setContentType('text/csv'); return stream.end('a,b'); }
  const out = awslambda.HttpResponseStream.from(stream, {
    statusCode: 202,
    headers: { 'X-Made-By': 'node', Connection: 'close', Date: 'then' },
    cookies: ['a=1', 'b=2'],
  });
  out.write('first ');
  throw new Error('in the middle');
});
