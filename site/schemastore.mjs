// A schema and files of JSON -> whether SchemaStore's Ajv compiles it, and a line `PATH true` or `PATH false` for each.
// The options are those of its cli.js for draft-07 and a schema in its list `ajvNotStrictMode`.
import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";

const KNOWN = ["allowTrailingCommas", "defaultSnippets", "markdownDescription", "enumDescriptions", "markdownEnumDescriptions"];

const [path, ...files] = process.argv.slice(2);
const ajv = new Ajv.default({ strictTypes: false, strictTuples: false, allowMatchingProperties: true });
addFormats.default(ajv);
for (const keyword of KNOWN) ajv.addKeyword(keyword);
const validate = ajv.compile(JSON.parse(readFileSync(path, "utf8")));
for (const file of files) console.log(`${file} ${validate(JSON.parse(readFileSync(file, "utf8")))}`);
