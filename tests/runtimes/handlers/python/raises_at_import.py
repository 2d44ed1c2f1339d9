def prepare():
    raise ValueError("at import é")


prepare()
