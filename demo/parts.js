// Parts of the page that are made of data: images to choose from, menus, what went wrong.

// A message, and under it the text with a caret where it is wrong.
function problemParts(error) {
  const message = Object.assign(document.createElement("p"), { textContent: error.message });
  const pointer = Object.assign(document.createElement("pre"), { textContent: error.pointer || "", tabIndex: 0 });
  return error.pointer ? [message, pointer] : [message];
}

function imageField(each, chosen) {
  const label = document.createElement("label");
  const radio = document.createElement("input");
  Object.assign(radio, { type: "radio", name: "wb-image", value: each.name, className: "wb-hidden" });
  radio.addEventListener("change", () => chosen(each.name));
  label.append(radio);
  label.title = each.name;
  if (each.thumbnail) {
    const picture = document.createElement("img");
    Object.assign(picture, { src: each.thumbnail, alt: `Image ${each.name}` });
    label.append(picture);
  } else {
    const name = document.createElement("span");
    name.textContent = each.name;
    label.append(name);
  }
  return label;
}

function uploadField(chosen) {
  const label = document.createElement("label");
  const field = document.createElement("input");
  Object.assign(field, { type: "file", accept: "image/jpeg,image/png,image/webp,image/bmp", className: "wb-hidden", id: "wb-upload" });
  label.id = "wb-upload-label";
  label.append(field, Object.assign(document.createElement("span"), { textContent: "Upload" }));
  field.addEventListener("change", () => {
    if (field.files.length) chosen(field.files[0]);
    field.value = "";
  });
  return label;
}

// What can be done to a step, by sort.
function editGroups(edits) {
  const groups = new Map();
  edits.forEach((edit) => {
    if (!groups.has(edit.sort)) groups.set(edit.sort, Object.assign(document.createElement("optgroup"), { label: edit.sort }));
    const option = new Option(edit.label, edit.program);
    option.dataset.becomes = edit.node;
    groups.get(edit.sort).append(option);
  });
  return groups.values();
}

// What an object can be supposed to be.
function valueGroups(attributes) {
  const groups = Object.entries(attributes).map(([name, values]) => {
    const group = Object.assign(document.createElement("optgroup"), { label: name });
    group.append(...values.map((value) => new Option(`is ${value}`, JSON.stringify({ attribute: name, value }))));
    return group;
  });
  const there = Object.assign(document.createElement("optgroup"), { label: "presence" });
  there.append(new Option("is not there", JSON.stringify({ value: "no" })), new Option("is there", JSON.stringify({ value: "yes" })));
  return [...groups, there];
}
