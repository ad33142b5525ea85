/** Reads {after, batches} from standard input, as the server packed them, and prints the events that a browser gets. */
import { Unpacker } from "../../../app/components/widgets/feed_wire.js";

const { after, batches } = await Bun.stdin.json();
const unpacker = new Unpacker(after);
console.log(JSON.stringify(batches.map((items) => unpacker.unpack(items))));
