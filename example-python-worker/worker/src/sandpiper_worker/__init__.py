"""A worker that scores short texts: requests arrive on an AMQP queue, scores leave on another.

The parts, from the inside out: `_classifier` scores a text, `_protocol` is the JSON on the wire, `_reply` the message
properties of an answer, `_process_ids` whose a request is that names no test, `_field_tables` mends the headers that
pika would spoil, `_consumer` takes and answers requests on one channel, `_session` is one connection with its
consumers, `_worker` keeps a session open, and `__main__` with `_options` is the command line. Where scores are written
into a database too, `_baggage` says into which, and `_database` does it.
"""
