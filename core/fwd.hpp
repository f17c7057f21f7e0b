/// Forward declarations of core: what most headers need and no more.
#pragma once

namespace backstage {

class Actor;
class ActorFactory;
class Activations;
class Alarm;
class Broadcast;
class Cell;
class Clock;
class Context;
class DeadLetters;
class Directory;
class Engine;
class Executor;
class Executors;
class Fates;
class Faults;
class Home;
class Mailbox;
class Observer;
class Overseer;
class Timers;
class Topics;
class Types;
struct ActorType;
struct Envelope;
struct Runtime;
struct SpawnRequest;
struct Topic;

}  // namespace backstage
