// Loads the file that it is given through libnftables, and prints how long the call took, in milliseconds.
import koffi from "koffi";

const library = koffi.load("libnftables.so.1");
const create = library.func("void *nft_ctx_new(uint32_t)");
const load = library.func("int nft_run_cmd_from_filename(void *, const char *)");
const context = create(0);
const started = process.hrtime.bigint();
if (load(context, process.argv[2]) !== 0) process.exit(1);
console.log(JSON.stringify({ ms: Number(process.hrtime.bigint() - started) / 1e6 }));
