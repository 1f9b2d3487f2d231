// One signal at a time: rule, gate, size, journal, order. A signal that something passing keeps back waits while it
// is fresh; a newer one takes its place.
#include "CsvLog.mqh"
#include "EntryRule.mqh"
#include "IdJournal.mqh"
#include "RiskGate.mqh"
#include "TradeExecutor.mqh"

#define TRADER_AGAIN_MS 250

class CSignalTrader
  {
private:
   CEntryRule        m_rule;
   CRiskGate         m_gate;
   CSizing           m_sizing;
   CIdJournal        m_journal;
   SLine             m_line;
   bool              m_pending;
   ulong             m_due;
   string            m_why;
   bool              m_rejected; // the last order
   string            m_report;   // fields of an ack, from the id on; empty: none

   //--- ppm lots and points keep the ack in integers
   void              Report(const string event,const int side,const double lots,const double price,const string detail)
     {
      m_report=m_line.id+"|"+event+"|"+IntegerToString(side)+"|"+IntegerToString((long)MathRound(lots*LINE_PPM))+"|"
               +IntegerToString((long)MathRound(price/_Point))+"|"+Plain(detail);
     }
   static string     Plain(const string text)
     {
      string plain=text;
      StringReplace(plain,"|","/");
      return(plain);
     }
   void              Done(CCsvLog &log,const string event,const int side,const double lots,const double price,const string detail)
     {
      m_pending=false;
      m_why=detail;
      log.Write(event,m_line.id,side,lots,price,detail);
      Report(event,side,lots,price,detail);
     }
   void              Refuse(CCsvLog &log,const int side,const string why,const bool passing)
     {
      if(!passing)
        {
         Done(log,"refused",side,0,0,why);
         return;
        }
      if(why!=m_why)
         log.Write("waiting",m_line.id,side,0,0,why);
      m_why=why;
     }
   void              Act(const SNatronSettings &s,CTradeExecutor &executor,CCsvLog &log,const int side,const double lots,const double stop,const double take)
     {
      if(!m_journal.Write(m_line.id))
        {
         Done(log,"refused",side,lots,0,"the journal cannot be written");
         return;
        }
      MqlTick tick;
      if(!SymbolInfoTick(_Symbol,tick))
         return;
      if(s.dry_run)
        {
         Done(log,"dry_run",side,lots,side>0 ? tick.ask : tick.bid,"would have been sent");
         return;
        }
      bool opened=executor.Open(side,lots,stop,take,CIdJournal::CommentOf(m_line));
      m_rejected=!opened;
      if(!opened)
         m_gate.Failed();
      Done(log,opened ? "ordered" : "rejected",side,opened ? executor.Volume() : lots,executor.Price(),"code "+IntegerToString((long)executor.Retcode()));
     }

public:
                     CSignalTrader(void) { m_pending=false; m_due=0; m_rejected=false; }
   bool              Open(const string name,const SNatronSettings &s) { return(m_journal.Open(name,s.magic)); }
   void              Close(void) { m_journal.Close(); }
   void              Kill(const bool killed) { m_gate.Kill(killed); }
   bool              Killed(void) const { return(m_gate.Killed()); }
   void              Failed(void) { m_gate.Failed(); }
   string            Why(void) const { return(m_why); }
   bool              Rejected(void) const { return(m_rejected); }
   //--- the ack of what was done since it was last asked for
   string            TakeReport(void)
     {
      string report=m_report;
      m_report="";
      return(report);
     }
   //--- a new signal; an older one that still waited is given up
   void              Take(const SLine &line)
     {
      m_line=line;
      m_pending=true;
      m_rejected=false;
      m_due=0;
      m_why="";
     }
   void              Poll(const SNatronSettings &s,const SBridgeState &bridge,CTradeExecutor &executor,CCsvLog &log)
     {
      ulong now=GetTickCount64();
      if(!m_pending || now<m_due)
         return;
      m_due=bridge.tester ? 0 : now+TRADER_AGAIN_MS; // the tester's tick count is that of the real clock
      MqlTick tick;
      string why=m_gate.Refusal(m_line,s,bridge,m_journal);
      if(why!="" || !SymbolInfoTick(_Symbol,tick))
        {
         Refuse(log,0,why!="" ? why : "no price",why=="" || m_gate.Passing());
         return;
        }
      double atr=CSizing::AtrPoints(1);
      double spread=(tick.ask-tick.bid)/_Point;
      if(!(atr>0))
        {
         Refuse(log,0,"too few candles for the stop",false);
         return;
        }
      int side=m_rule.Side(m_line,s,atr,tick.bid,spread);
      if(side==0)
        {
         Refuse(log,0,m_rule.Why(),false);
         return;
        }
      double stop=CSizing::Points(s.stop_atr,atr);
      double lots=m_sizing.Lots(s,CTradeExecutor::StopPoints(stop,spread),m_rule.Size());
      why=m_gate.SideRefusal(side);
      if(why=="" && (lots<=0 || !m_sizing.MarginSuffices(side,lots,side>0 ? tick.ask : tick.bid)))
         why=m_sizing.Why();
      if(why!="")
         Refuse(log,side,why,false);
      else
         Act(s,executor,log,side,lots,stop,CSizing::Points(s.take_atr,atr));
     }
  };
