// What happens to a job, as the server tells it (server-sent events).
//
// EventSource cannot send an API key, so the stream is read here.

import { request } from "./api.js";

/** Yields the job each time it changes, until it has ended or the stream breaks off. */
export async function* events(id, signal) {
  const answer = await request(`/v1/jobs/${id}/events`, { accept: "text/event-stream", signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).replaceAll("\r\n", "\n").split("\n\n");
      rest = blocks.pop();
      for (const data of blocks.map(dataOf).filter(Boolean)) yield JSON.parse(data);
    }
  } finally {
    reader.cancel().catch(() => {});
  }
}

function dataOf(block) {
  const lines = block.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).trimStart()).join("\n");
}
