"""Headers on every answer: they are set on the way back, when nobody can weaken them any more.

An observer sees every response to what reached its route, 404 and 5xx included, and has the last word.
"""

from boathook import Hook, observe_response

HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "SAMEORIGIN",
    "referrer-policy": "strict-origin-when-cross-origin",
    "strict-transport-security": "max-age=31536000; includeSubDomains;",
    "permissions-policy": "camera=(), microphone=(), usb=()",
}


class SecurityHeaders(Hook):
    # A GET route takes HEAD, too. It stands ahead of the app's, to be reached whoever answers later.
    @observe_response("GET /*", keep_assets=True)
    def secure(self, req, res):
        res.set_headers(HEADERS)
