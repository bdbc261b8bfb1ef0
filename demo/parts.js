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

const POLICY_WORDS = {
  lazy: "facets as each step needs them",
  read: "what the program reads, ahead",
  everything: "every facet, ahead",
  glance: "no closer looks",
  threshold: "closer looks where a facet is in doubt",
  value: "closer looks where the answer depends on it",
};

// How closely an image is looked at: policies by name; a doubt and a budget only where a policy has them.
function policyFields(root, policies, chosen) {
  const find = (id) => root.querySelector(`#${id}`);
  const number = (id) => (find(id).value === "" ? null : Number(find(id).value));
  const takes = (name) => ({ doubt: ["threshold", "value"].includes(name), budget: name === "value" });
  find("wb-policy").replaceChildren(...policies.map((name) => new Option(`${name}: ${POLICY_WORDS[name] || ""}`, name)));
  const told = () => {
    const policy = find("wb-policy").value;
    const { doubt, budget } = takes(policy);
    chosen({ policy, doubt: doubt ? number("wb-doubt") : null, budget_ms: budget ? number("wb-budget") : null });
  };
  ["wb-policy", "wb-doubt", "wb-budget"].forEach((id) => find(id).addEventListener("change", told));
  return (state) => {
    const { doubt, budget } = takes(state.policy);
    find("wb-policy").value = state.policy;
    find("wb-doubt").value = state.doubt ?? "";
    find("wb-budget").value = state.budget_ms ?? "";
    find("wb-doubt-label").hidden = !doubt;
    find("wb-budget-label").hidden = !budget;
  };
}

function optionGroup(label, options) {
  const group = Object.assign(document.createElement("optgroup"), { label });
  group.append(...options);
  return group;
}

// What an object can be supposed to be. A relation needs another object: its option says so.
function valueGroups(attributes, relations) {
  const said = (words, what) => new Option(words, JSON.stringify(what));
  const values = Object.entries(attributes).map(([attribute, all]) =>
    optionGroup(attribute, all.map((value) => said(`is ${value}`, { attribute, value }))));
  const related = Object.entries(relations).flatMap(([relation, words]) => [
    said(`is ${words} …`, { relation, value: "yes" }),
    said(`is not ${words} …`, { relation, value: "no" }),
  ]);
  const there = [said("is not there", { value: "no" }), said("is there", { value: "yes" })];
  return [...values, optionGroup("relation", related), optionGroup("presence", there)];
}

// One button an object, pressed where the step gives it.
function objectChips(objects, members, toggled) {
  return objects.map((index) => {
    const chip = Object.assign(document.createElement("button"), { type: "button", textContent: index, className: "wb-chip" });
    chip.setAttribute("aria-pressed", String(members.includes(index)));
    chip.setAttribute("aria-label", `Object ${index}`);
    chip.addEventListener("click", () => toggled(index));
    return chip;
  });
}

// Two suppositions about the same thing: the later one counts.
function sameThing(one, other) {
  return ["node", "object", "attribute", "relation", "anchor"].every((name) => one[name] === other[name]);
}

// What an address may hold of a supposition; the server looks at it with more care.
function isSupposition(each) {
  if (!each || typeof each !== "object") return false;
  const named = typeof each.value === "string";
  return Number.isInteger(each.node) ? named || Array.isArray(each.objects) : Number.isInteger(each.object) && named;
}
