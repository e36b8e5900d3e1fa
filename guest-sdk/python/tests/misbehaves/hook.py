"""A hook that does whatever a hook should not. The server's tests show that it harms itself alone."""

from boathook import Hook, HookError, after


class Misbehaves(Hook):
    @after("GET /fine")
    def fine(self, req, res):
        return res.text("fine\n")

    @after("GET /loop")
    def loop(self, req, res):
        while True:
            pass

    @after("GET /throw")
    def throw(self, req, res):
        raise RuntimeError("thrown on purpose")

    @after("GET /refuse")
    def refuse(self, req, res):
        raise HookError("a teapot makes no coffee", status=418, code="E_TEAPOT")

    @after("GET /allocate")
    def allocate(self, req, res):
        hoard = []
        while True:
            hoard.append(bytearray(1 << 20))

    @after("GET /recurse")
    def recurse(self, req, res):
        return res.json(deeper(0))


def deeper(depth):
    return 1 + deeper(depth + 1)
