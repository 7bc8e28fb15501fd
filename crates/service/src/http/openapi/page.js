// Shows /openapi.json: each route with its parameters and answers. Text is set as text, so nothing in it becomes markup.
const element = (name, text = "", ...children) => {
  const made = document.createElement(name);
  made.textContent = text;
  made.append(...children);
  return made;
};

const table = (heads, rows) => {
  const head = element("tr", "", ...heads.map((name) => element("th", name)));
  const body = rows.map((row) => element("tr", "", ...row.map((cell) => element("td", cell))));
  return element("table", "", head, ...body);
};

const route = (method, path, { summary, description, parameters = [], requestBody, responses }) => {
  const section = element("section", "", element("h2", `${method.toUpperCase()} ${path}`));
  section.append(element("p", summary ?? ""), element("p", description ?? ""));
  if (requestBody) {
    section.append(element("p", `Body: ${Object.keys(requestBody.content).join(", ")}`));
  }
  if (parameters.length > 0) {
    const rows = parameters.map(({ name, in: place, description }) => [name, place, description ?? ""]);
    section.append(table(["parameter", "in", "meaning"], rows));
  }
  const rows = Object.entries(responses).map(([status, { description, content = {} }]) => [
    status,
    description,
    Object.keys(content).join(", "),
  ]);
  section.append(table(["status", "meaning", "type"], rows));
  return section;
};

const answer = await fetch("/openapi.json");
const { info, paths } = await answer.json();
document.querySelector("#about").textContent = info.description;
for (const [path, methods] of Object.entries(paths)) {
  for (const [method, facts] of Object.entries(methods)) {
    document.querySelector("#routes").append(route(method, path, facts));
  }
}
