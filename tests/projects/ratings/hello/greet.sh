# GET /hello/{name}: a greeting as plain text.

handler() {
  name="$(printf '%s' "$1" | sed -n 's/.*"pathParameters":{"name":"\([^"]*\)".*/\1/p')"
  echo "greeting ${name:-nobody}" >&2
  printf '{"statusCode":200,"headers":{"content-type":"text/plain"},"body":"%s, %s!"}' "$GREETING" "${name:-world}"
}
