// node snapshot.mjs PYODIDE ARCHIVE OUT: a Python that has the builder's modules already, as the memory that it then has.
// The page starts from that in a fifth of the time that importing them takes. Clocks stand, no number is random, and the
// memory does not hold where this program is, so that the same input gives the same file.
import crypto from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";

const [pyodide, archive, out] = process.argv.slice(2);
process.argv[1] = "snapshot.mjs";
const { loadPyodide } = await import(pathToFileURL(`${pyodide}/pyodide.mjs`).href);
Date.now = () => 315532800000;
performance.now = () => 0;
globalThis.crypto.getRandomValues = crypto.randomFillSync = (bytes) => bytes.fill(1);
const python = await loadPyodide({ indexURL: `${pyodide}/`, env: { HOME: "/home/pyodide", PYTHONHASHSEED: "0" }, _makeSnapshot: true });
python.unpackArchive(new Uint8Array(readFileSync(archive)), "zip", { extractDir: "/home/pyodide" });
// A question of each kind brings in what is imported only then.
python.runPython(`
import gc, json, answers
TEXT = "#cloud-config\\nvps_firewall:\\n  ssh: {from: [203.0.113.7], limit: 5/minute}\\n  allow: [http, {service: mysql, from: ['2001:db8::/32']}]\\n"
for question in (
    {"ask": "words"}, {"ask": "check", "text": TEXT}, {"ask": "check", "text": "vps_firewall: {allow: [htps]}"},
    {"ask": "rules", "text": TEXT, "backend": "nftables"}, {"ask": "explain", "text": TEXT, "what": "22/tcp"},
):
    json.loads(answers.answer(json.dumps(question)))
del TEXT, question
gc.collect()
`);
writeFileSync(out, gzipSync(python.makeMemorySnapshot(), { level: 9 }));
