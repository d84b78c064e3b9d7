// The end of every component's script, after its own function, which is called `own` here.
//
// Streamlit waits for a component's module and then calls its function for every block of data that came meanwhile: in
// no order, so that an old block may come last and stay. The server numbers the blocks; one that is older than what is
// shown is not shown. It also calls the cleanup of a block that another followed, while the component goes on.

/** What the server sent: the block's number, then the data. */
export function numbered(data) {
  if (!(data instanceof Uint8Array)) return [data?.number ?? 0, data?.data];
  return [new DataView(data.buffer, data.byteOffset).getFloat64(0, true), data.subarray(8)];
}

export default function (given) {
  const { data, parentElement } = given;
  const [number, block] = numbered(data);
  if (number < parentElement.newest) return undefined;
  parentElement.newest = number;
  const leave = own({ ...given, data: block });
  return () => (parentElement.isConnected ? undefined : leave?.());
}
