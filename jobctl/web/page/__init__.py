"""The Monitor page for people: what `jobctl monitor`, `list`, `next`, `show`, `logs` and `why` tell, and their moves.

Pages are made on the server and can be read, and used, without JavaScript. `static/monitor.js` adds what changes
meanwhile: it puts pieces that the same templates made into the places of the old ones.

* `words.py` has every word of the page itself in each language. What jobctl's operations say is English: `es/` has it
  in Spanish, by what its sentences are made of (`jobctl/saying.py`) or by how they read.
* `rendering.py` makes an answer of a template. Every text is made visible (no control characters) and then escaped.
* `entrance.py`: signing in and out, the files, and failures. `listing.py` and `table.py`: the table of system jobs.
* `one.py`, `moves.py` and `output.py`: one system job, what may be asked of it, and its log.
* `jobs.py`, `month.py` and `axis.py`: jobs, months and the timeline.
"""
