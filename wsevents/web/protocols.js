// The protocols that the page speaks. The script of each dialect adds its own: protocols.NAME = { … }.
//
// A protocol, as the page sees it, is an object with
//   title       what people call it;  dialect: the name of its dialect, which several protocols may share
//   fields      the fields of the form that it needs, by their names: { label, placeholder?, secret? }
//   path        where it is, at first; a field "path" lets people change it
//   wants       what step 2 asks for: label, placeholder, what it means to choose nothing, and what an event's
//               name suggests to choose
//   starts      whether events come only after a start;  publishes: whether its field "token" opens /publish
//   mistake     (fields) -> why one need not even try, or "";  refused: what else it can mean that no connection comes
//   dropped     what else it can mean, if anything, that a connection ends without a close frame
//   closings    closings of its own, like those in the page
//   where       (fields) -> { target, login, shown }: path and query; "user:password", if it goes into the address;
//               and the target with what is secret in it masked
//   talk        (link, fields) -> { opened?, heard, choose, drop, start? }: one connection's conversation
// and a link has send(text, shown), ready(), started(), live(names), arrived(event) and chosen(). What is sent is shown
// as `shown`, if that is given. An event has name, tenant, users (uuids), data and text, the JSON as it came.
"use strict";
const protocols = {};
const MASK = "••••";
const isObject = (value) => value !== null && typeof value === "object" && !Array.isArray(value);
