"""The handler is an attribute of an object."""


class Service:
    def __call__(self, event, context):
        return "called"


service = Service()
