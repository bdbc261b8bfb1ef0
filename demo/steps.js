// What can be done to the selected step, and what can be supposed: the row of controls above a run.

const MENU_AFTER = 120; // ms

// Another program has other steps: only what is supposed of objects still makes sense.
function ofObjects(suppose) {
  return suppose.filter((each) => each.node === undefined);
}

function afterPaint(act) {
  requestAnimationFrame(() => setTimeout(act));
}

// page has start (words of the domain), state(), change(changes), article(), selected(node) and menu(record).
function workbenchSteps(root, page) {
  const find = (id) => root.querySelector(`#${id}`);
  let shown = null; // what the last answer said of itself
  let selected = 0;
  let menuTimer = 0;

  function show(reply) {
    shown = reply;
    ["wb-object", "wb-other"].forEach((id, place) => {
      const choice = find(id);
      const before = choice.value || String(reply.objects[place]);
      choice.replaceChildren(...reply.objects.map((index) => new Option(index, index)));
      if (reply.objects.map(String).includes(before)) choice.value = before;
    });
    showSuppositions(reply.suppositions);
  }

  function select(node) {
    selected = node;
    page.selected(node);
    find("wb-at").textContent = `#${node}`;
    // First what the step attends to is painted, then what can be done to it.
    afterPaint(() => node === selected && showGives(node));
    clearTimeout(menuTimer);
    menuTimer = setTimeout(() => showMenu(node), MENU_AFTER);
  }

  async function showMenu(node) {
    const text = shown.program;
    const reply = await page.menu({ program: text, node });
    if (!reply.edits || text !== shown.program || node !== selected) return;
    const menu = find("wb-edit");
    menu.replaceChildren(new Option("change it …", ""), ...editGroups(reply.edits));
    menu.disabled = !reply.edits.length;
  }

  // What the selected step could give by hand: one of some names, or objects.
  function showGives(node) {
    const step = shown.steps[node];
    const own = page.state().suppose.find((each) => each.node === node);
    const sets = ["ObjectSet", "Object"].includes(step.kind);
    find("wb-gives-label").hidden = !step.outcomes.length;
    find("wb-ticks-label").hidden = find("wb-ticks").hidden = !sets;
    find("wb-gives").replaceChildren(new Option("…", ""), ...step.outcomes.map((name) => new Option(name, name)));
    find("wb-gives").value = own && own.value ? own.value : "";
    const next = (index) => {
      if (step.kind === "Object") return [index];
      return step.members.includes(index) ? step.members.filter((each) => each !== index) : [...step.members, index];
    };
    const chips = sets ? objectChips(shown.objects, step.members, (index) => tick({ node, objects: next(index) }, index)) : [];
    find("wb-ticks").replaceChildren(...chips);
  }

  function suppose(what) {
    const rest = page.state().suppose.filter((each) => !sameThing(each, what));
    return page.change({ suppose: [...rest, what] });
  }

  // The buttons are made anew with every run: the focus stays where it was.
  async function tick(what, index) {
    await suppose(what);
    afterPaint(() => chip(index)?.focus());
  }

  function chip(index) {
    return find("wb-ticks").querySelector(`[aria-label="Object ${index}"]`);
  }

  function forget(given) {
    return page.change({ suppose: page.state().suppose.filter(given) });
  }

  function showSuppositions(words) {
    find("wb-supposed").replaceChildren(...words.map((said, place) => {
      const item = document.createElement("li");
      const remove = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
      remove.setAttribute("aria-label", `No longer suppose that ${said}`);
      remove.addEventListener("click", () => forget((_, at) => at !== place));
      item.append(`suppose ${said}`, remove);
      return item;
    }));
  }

  find("wb-what").replaceChildren(...valueGroups(page.start.attributes, page.start.relations));
  find("wb-edit").addEventListener("change", (event) => {
    const option = event.target.selectedOptions[0];
    if (!option || !option.value) return;
    page.change({ program: option.value, node: Number(option.dataset.becomes), suppose: ofObjects(page.state().suppose) });
  });
  find("wb-gives").addEventListener("change", (event) => {
    if (event.target.value) return suppose({ node: selected, value: event.target.value });
    return forget((each) => each.node !== selected);
  });
  const what = () => JSON.parse(find("wb-what").value);
  find("wb-what").addEventListener("change", () => (find("wb-other-label").hidden = !what().relation));
  find("wb-suppose-form").addEventListener("submit", (event) => {
    event.preventDefault();
    const other = what().relation ? { anchor: Number(find("wb-other").value) } : {};
    suppose({ object: Number(find("wb-object").value), ...what(), ...other });
  });
  // An object of the table is the one that is spoken of; its number takes it in or out of what the step gives.
  find("wb-result").addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-object]");
    if (!row || page.article() !== row.closest("[data-nmn]")) return;
    find("wb-object").value = row.dataset.object;
    const own = event.target.closest(".nmn-number") && chip(row.dataset.object);
    if (own) own.click();
  });

  return { show, select };
}
