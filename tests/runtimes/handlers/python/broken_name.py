from values import no_such_name
