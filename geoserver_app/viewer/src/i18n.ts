/** The interface's own texts. What layers say comes from the server, in both languages. */

export type Language = "fr" | "en";

export interface Text {
  fr: string;
  en: string;
}

export const TEXTS = {
  title: ["Maillage — carte de situation", "Maillage — situation map"],
  map: ["Carte de situation", "Situation map"],
  layers: ["Couches", "Layers"],
  search: ["Rechercher une commune", "Search for a municipality"],
  searchHint: ["Commune ou coordonnées", "Municipality or coordinates"],
  noResult: ["Aucune commune de ce nom", "No municipality of that name"],
  searchFailed: ["La recherche ne répond pas", "Search does not answer"],
  results: ["Résultats", "Results"],
  goTo: ["Aller à ces coordonnées", "Go to these coordinates"],
  municipality: ["Commune", "Municipality"],
  opacity: ["Opacité", "Opacity"],
  legend: ["Légende", "Legend"],
  details: ["À propos de cette couche", "About this layer"],
  source: ["Source", "Source"],
  licence: ["Licence", "Licence"],
  dataDate: ["Données du", "Data of"],
  data: ["Données", "Data"],
  fictionalData: ["données fictives", "fictional data"],
  noDate: ["date non communiquée", "date not given"],
  loaded: ["Chargé le", "Loaded on"],
  objects: ["objets", "features"],
  exerciseRows: ["dont exercice", "of which exercise"],
  browse: ["Parcourir les objets", "Browse the features"],
  download: ["Emporter hors ligne (PMTiles)", "Take offline (PMTiles)"],
  zoomTo: ["Cadrer la couche", "Zoom to the layer"],
  tooFar: ["Visible en zoomant", "Visible when zoomed in"],
  noLayer: ["Aucune couche n'est publiée.", "No layer is published."],
  otherValue: ["Autres", "Others"],
  close: ["Fermer", "Close"],
  here: ["À cet endroit", "At this place"],
  more: ["Fiche complète", "Full record"],
  yes: ["Oui", "Yes"],
  no: ["Non", "No"],
  fictional: ["Fictif", "Fictional"],
  severity: ["Gravité", "Severity"],
  zoomIn: ["Zoomer", "Zoom in"],
  zoomOut: ["Dézoomer", "Zoom out"],
  home: ["Tout le territoire", "Whole territory"],
  locate: ["Ma position", "My position"],
  locateFailed: ["Position indisponible", "Position not available"],
  permalink: ["Copier le lien de cette vue", "Copy a link to this view"],
  copied: ["Copié", "Copied"],
  copyFailed: ["Copie refusée par le navigateur", "The browser refused to copy"],
  copy: ["copier", "copy"],
  coordinates: ["Coordonnées", "Coordinates"],
  hidePanel: ["Réduire le panneau", "Collapse the panel"],
  showPanel: ["Afficher les couches", "Show the layers"],
  toDark: ["Passer en mode sombre", "Switch to dark mode"],
  toLight: ["Passer en mode clair", "Switch to light mode"],
  language: ["Langue", "Language"],
  sources: ["Sources", "Sources"],
  licences: ["Licences", "Licences"],
  upToDate: ["À jour à", "Up to date at"],
  incomplete: ["Carte incomplète : nouvelle tentative…", "Incomplete map: trying again…"],
  useControl: ["Ctrl + molette pour zoomer sur la carte", "Use Ctrl + scroll to zoom the map"],
  useCommand: ["⌘ + molette pour zoomer sur la carte", "Use ⌘ + scroll to zoom the map"],
  useFingers: ["Deux doigts pour déplacer la carte", "Use two fingers to move the map"],
  exercise: ["EXERCICE — données fictives", "EXERCISE — fictional data"],
  offline: ["Serveur injoignable. La carte affichée date de", "The server cannot be reached. The map shown is from"],
  unreachable: [
    "Le serveur ne répond pas. Nouvel essai dans quelques secondes…",
    "The server does not answer. Trying again in a few seconds…",
  ],
  noWebgl: [
    "Cette carte a besoin de WebGL 2, que ce navigateur n'offre pas ou a désactivé. Les données restent accessibles :",
    "This map needs WebGL 2, which this browser lacks or has switched off. The data can still be reached:",
  ],
} as const satisfies Record<string, readonly [fr: string, en: string]>;

export type Key = keyof typeof TEXTS;

/** The interface's text for a key. */
export function say(key: Key, language: Language): string {
  return TEXTS[key][language === "en" ? 1 : 0];
}

const SEVERITIES: Record<string, Text> = {
  minor: { fr: "mineure", en: "minor" },
  moderate: { fr: "modérée", en: "moderate" },
  severe: { fr: "sévère", en: "severe" },
  extreme: { fr: "extrême", en: "extreme" },
};

/** CAP's words for severity, for people; undefined for any other word. */
export function severityName(value: string, language: Language): string | undefined {
  return SEVERITIES[value]?.[language];
}

/** The first of a browser's languages that the interface speaks; French where it speaks none. */
export function preferredLanguage(languages: readonly string[]): Language {
  const known = languages.map((tag) => tag.toLowerCase().split("-")[0]).find((tag) => tag === "fr" || tag === "en");
  return known === "en" ? "en" : "fr";
}

export function locale(language: Language): string {
  return language === "en" ? "en-GB" : "fr-BE";
}

/** A date (`2024-05-31`) or moment (RFC 3339) for people, in local time. */
export function showDate(value: string, language: Language): string {
  const moment = new Date(value.length === 10 ? `${value}T12:00:00` : value);
  if (Number.isNaN(moment.valueOf())) return value;
  const day = moment.toLocaleDateString(locale(language), { day: "numeric", month: "long", year: "numeric" });
  return value.length === 10 ? day : `${day}, ${showTime(moment, language)}`;
}

/** The same in digits, without the time, where room is short. */
export function showShortDate(value: string, language: Language): string {
  const moment = new Date(value.length === 10 ? `${value}T12:00:00` : value);
  return Number.isNaN(moment.valueOf()) ? value : moment.toLocaleDateString(locale(language));
}

export function showTime(moment: Date, language: Language): string {
  return moment.toLocaleTimeString(locale(language), { hour: "2-digit", minute: "2-digit" });
}
