// Signals of one symbol, in order and without silent gaps: what docs/wire-protocol.md says a client does.
#include "BridgeClock.mqh"
#include "LineCodec.mqh"
#include "Settings.mqh"
#include "Standing.mqh"
#include "Zmtp.mqh"

#define HELLO_AGAIN_MS 1000
#define PRESENCE_MS    5000
#define HELLOS_PATIENT 5 // unanswered ones before the trader is told

enum ENUM_ORIGIN { ORIGIN_LIVE, ORIGIN_RESENT, ORIGIN_SNAPSHOT };

class CSignalReader
  {
private:
   CZmtp             m_signals;
   CZmtp             m_requests;
   CLineCodec        m_codec;
   CStanding         m_standing;
   CBridgeClock      m_clock;
   CZmtpMessage      m_message;
   string            m_client;
   string            m_symbol;
   bool              m_asking;
   int               m_lines;      // of the answer so far
   bool              m_torn;       // something of the answer is missing
   ulong             m_hello_due;
   ulong             m_presence_due;
   int               m_hellos;     // since a line of an answer came
   int               m_connections;
   bool              m_alive;
   ulong             m_heard;
   long              m_newest_ms;  // newest stamp of the session
   int               m_junk;
   int               m_gaps;
   string            m_last_junk;
   bool              m_replied;    // a K1 or R1 waits
   SLine             m_reply;

   void              Ask(void)
     {
      m_asking=true;
      m_lines=0;
      m_torn=false;
     }
   void              Junk(const string field)
     {
      m_junk++;
      m_last_junk=field;
     }
   //--- a verified line of the current session: the bridge lives, and tells its time. A repeated one does neither.
   void              Hear(const SLine &line)
     {
      ulong now=GetTickCount64();
      if(line.sent_ms<m_newest_ms)
         return;
      if(line.sent_ms>m_newest_ms || !m_alive)
        {
         m_alive=true;
         m_heard=now;
        }
      m_newest_ms=line.sent_ms;
      m_clock.Learn(line.sent_ms,now);
     }
   bool              Enter(const string session)
     {
      string before=m_standing.Session();
      if(!m_standing.Enter(session))
         return(false);
      if(before!=session)
        {
         m_clock.Reset();
         m_newest_ms=0;
         m_alive=false;
        }
      return(true);
     }
   void              SayHello(void)
     {
      ulong now=GetTickCount64();
      if(!m_asking || now<m_hello_due || !m_requests.IsUp() || !m_signals.IsUp())
         return;
      Ask();
      m_requests.Send(m_codec.Hello(m_client,m_symbol,m_standing.Session(),m_standing.Seq(),StampMs()));
      m_hello_due=now+HELLO_AGAIN_MS;
      m_hellos++;
     }
   //--- how far it is, now and then: whoever watches the bridge sees who is behind
   void              SayPresence(void)
     {
      ulong now=GetTickCount64();
      if(m_asking || now<m_presence_due || !m_requests.IsUp())
         return;
      m_presence_due=now+PRESENCE_MS;
      Send("P1|"+m_client+"|"+m_symbol+"|"+m_standing.Session()+"|"+IntegerToString(m_standing.Seq())+"|"+IntegerToString(StampMs()));
     }
   bool              TakeLive(SLine &line,ENUM_ORIGIN &origin)
     {
      if(line.kind!="S1" && line.kind!="B1")
        {
         Junk("kind");
         return(false);
        }
      string topic="sig."+line.symbol+(line.kind=="B1" ? ".hb" : "."+CTimeframe::Name(line.tf_s));
      if(line.symbol!=m_symbol || m_message.Parts()!=2 || !m_message.Is(0,topic))
        {
         Junk("topic");
         return(false);
        }
      ENUM_VERDICT verdict=m_standing.Judge(line.session,line.seq);
      if(verdict==VERDICT_NEW_SESSION)
        {
         Ask();
         return(false);
        }
      if(line.session==m_standing.Session())
         Hear(line);
      if(line.kind=="B1")
        {
         if(verdict!=VERDICT_OLD)
            Ask();
         return(false);
        }
      if(verdict==VERDICT_GAP)
        {
         m_gaps++;
         Ask();
        }
      if(verdict!=VERDICT_NEXT)
         return(false);
      m_standing.Move(line.seq);
      origin=ORIGIN_LIVE;
      return(true);
     }
   bool              TakeAnswer(SLine &line,ENUM_ORIGIN &origin)
     {
      if(line.kind=="K1" || line.kind=="R1")
        {
         m_reply=line;
         m_replied=true;
         return(false);
        }
      if((line.kind!="S1" && line.kind!="N1" && line.kind!="E1") || m_message.Parts()!=1 || line.symbol!=m_symbol)
        {
         Junk("kind");
         return(false);
        }
      if(!m_asking || !Enter(line.session))
         return(false);
      Hear(line);
      m_hellos=0;
      m_hello_due=GetTickCount64()+HELLO_AGAIN_MS;
      if(line.kind=="E1")
        {
         if(m_torn || m_lines<line.count)
            return(false);
         m_standing.Move(line.seq);
         m_asking=false;
         m_hello_due=0;
         return(false);
        }
      m_lines++;
      if(line.kind=="N1")
        {
         origin=ORIGIN_SNAPSHOT;
         return(line.seq>=m_standing.Seq());
        }
      ENUM_VERDICT verdict=m_standing.Judge(line.session,line.seq);
      m_torn=m_torn || verdict==VERDICT_GAP;
      if(verdict!=VERDICT_NEXT)
         return(false);
      m_standing.Move(line.seq);
      origin=ORIGIN_RESENT;
      return(true);
     }
   bool              Read(SLine &line)
     {
      uchar raw[];
      int part=m_message.Parts()-1;
      m_message.Copy(part,raw);
      if(m_codec.Decode(raw,m_message.Length(part),false,line))
         return(true);
      Junk(m_codec.Fault());
      return(false);
     }

public:
                     CSignalReader(void)
     {
      m_asking=false;
      m_alive=false;
      m_heard=0;
      m_newest_ms=0;
      m_connections=0;
      m_junk=0;
      m_gaps=0;
      m_lines=0;
      m_torn=false;
      m_hello_due=0;
      m_presence_due=0;
      m_hellos=0;
      m_replied=false;
     }
   void              Configure(const SNatronSettings &s)
     {
      m_codec.SetKeys(s.bridge_key,s.client_key);
      m_client=s.client;
      m_symbol=s.symbol;
      m_signals.Configure(s.host,s.signals_port,"SUB","sig."+s.symbol+".",s.user,s.password);
      m_requests.Configure(s.host,s.requests_port,"DEALER","",s.user,s.password);
      m_standing.Reset();
      m_clock.Reset();
      Ask();
     }
   void              Close(void)
     {
      m_signals.Close();
      m_requests.Close();
     }
   void              Poll(void)
     {
      m_signals.Poll();
      m_requests.Poll();
      int connections=m_signals.Connections()+m_requests.Connections();
      if(connections!=m_connections)
        {
         m_connections=connections; // what was sent meanwhile is not known
         Ask();
        }
      SayHello();
      SayPresence();
     }
   //--- the next signal that came; while a HELLO is unanswered the subscription waits, its answer covers it
   bool              Next(SLine &line,ENUM_ORIGIN &origin)
     {
      while(!m_replied && m_requests.Receive(m_message))
         if(Read(line) && TakeAnswer(line,origin))
            return(true);
      while(!m_asking && m_signals.Receive(m_message))
         if(Read(line) && TakeLive(line,origin))
            return(true);
      SayHello();
      return(false);
     }
   //--- an answer to what was sent with Send
   bool              TakeReply(SLine &line)
     {
      bool had=m_replied;
      if(had)
         line=m_reply;
      m_replied=false;
      return(had);
     }
   //--- a line that is signed here; false where there is no connection
   bool              Send(const string body) { return(m_requests.Send(m_codec.Sign(body))); }
   bool              SendBulk(const string body,const CByteBuffer &bulk) { return(m_requests.Send(m_codec.Sign(body),bulk)); }
   bool              CanSend(void) const { return(m_requests.IsUp()); }
   int               RequestConnections(void) const { return(m_requests.Connections()); }
   bool              InStep(void) const { return(!m_asking); }
   int               JunkLines(void) const { return(m_junk); }
   int               Gaps(void) const { return(m_gaps); }
   string            LastJunk(void) const { return(m_last_junk); }
   bool              ClockKnown(void) const { return(m_clock.Known()); }
   long              NowMs(void) const { return(m_clock.NowMs(GetTickCount64())); }
   //--- what this client writes into its own lines
   long              StampMs(void) const { return(m_clock.Known() ? NowMs() : (long)TimeGMT()*1000); }
   //--- seconds since the bridge was last heard; -1: never in this session
   int               SilentS(void) const { return(m_alive ? (int)((GetTickCount64()-m_heard)/1000) : -1); }
   string            Link(void) const
     {
      if(m_signals.IsUp() && m_requests.IsUp())
         return(!m_asking ? "in step" : m_hellos<=HELLOS_PATIENT ? "catching up" : "no answer: is NatronEA.set the newest?");
      return(m_signals.IsUp() ? "requests: "+m_requests.Fault() : "signals: "+m_signals.Fault());
     }
  };
