// Prints how many tokens each text of a JSON file's object has, as a JSON object.
//
// node tokens.mjs FILE
import { readFileSync } from "node:fs";
import { encode } from "gpt-tokenizer/encoding/o200k_base";

const texts = Object.entries(JSON.parse(readFileSync(process.argv[2], "utf8")));
console.log(JSON.stringify(Object.fromEntries(texts.map(([name, text]) => [name, encode(text).length]))));
